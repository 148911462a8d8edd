"""The tables that can be reproduced, by their names on the command line."""

from __future__ import annotations

from platform.reproduction import didicm_tables, paper_tables

DIDICM = "didicm"

TABLES = {
    **paper_tables.TABLES,
    DIDICM: didicm_tables.didicm,
    f"{DIDICM}-budget": didicm_tables.didicm_budget,
}
"""Each is made for T noise levels."""

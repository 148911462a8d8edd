"""The tables that can be reproduced, by their names on the command line."""

from __future__ import annotations

from platform.reproduction import didicm_tables, paper_tables

TABLES = {**paper_tables.TABLES, **didicm_tables.TABLES}
"""Each is made for T noise levels."""

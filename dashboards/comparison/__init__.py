"""The comparison of strategies as people see it: page, figures and tables of numbers that are given."""

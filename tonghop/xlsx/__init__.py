"""Workbooks edited part by part, so that what we do not know in them stays byte for byte."""

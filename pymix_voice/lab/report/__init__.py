"""The report of the benchmarks: figures that were measured become a page, pictures and tables.

Must not know: how anything was measured.
"""

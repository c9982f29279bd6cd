"""The columnar copy: journal and tickets as Parquet, which follows by position and may be dropped and rebuilt."""

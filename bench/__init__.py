"""The benchmarks, one command each (`make bench NAME=post`), and their figures; docs/benchmarks.md reads them."""

"""What the book makes of its runs: comparisons, verdicts, tables, figures."""

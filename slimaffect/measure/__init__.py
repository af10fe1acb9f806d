"""Latency, CPU time, size, memory and operations of deployed files, side by side."""

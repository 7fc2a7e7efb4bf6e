"""The shared module of the book: NumPy implementations of what the chapters derive, and the tools that check them.

Conventions: rows are samples, X (n, d); parameters are theta (d + 1,), bias first; everything is float64;
losses are means over rows, so 1/n appears once; dQ is the gradient of the loss by Q and has the shape of Q.
"""

"""Calls that are measured: how late and how good a voice is, over chains, crowds and networks."""

"""Distillery's trainings on PyTorch's distributed engine.

The runner writes a folder for each training (``job.json``, rows as tokens, initial weights, the teacher); this package trains it, on one
process or many, and writes the records and checkpoints that Distillery's own engines write.
"""

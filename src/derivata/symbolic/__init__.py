"""Losses written as formulas: parsed, differentiated, brought to matrix form, written as code."""

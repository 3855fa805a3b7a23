"""The rule language: formulas are parsed, checked and evaluated, never handed to Python."""

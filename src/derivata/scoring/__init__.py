"""How good predictions are, from predictions and outcomes alone: calibration, ranking, spread."""

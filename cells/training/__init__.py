"""What a training is told: setting, budget and schedule, and the points of the curve that it gives."""

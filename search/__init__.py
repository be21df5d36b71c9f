"""The verbs: propose, evaluate, drive. Ray and Optuna live here and nowhere else."""

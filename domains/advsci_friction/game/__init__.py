"""The game of texture design: players, physics, tasks and training."""

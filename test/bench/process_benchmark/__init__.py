"""What scripts/benchmark is made of: tasks and their samples, the data they read, one module for
each kind of measurement, and the table of targets."""

"""Many runs at once: a grid of configs, trained side by side, in processes or on a cluster."""

"""Who trains the parts of a sweep: this process, processes of this machine, or a cluster."""

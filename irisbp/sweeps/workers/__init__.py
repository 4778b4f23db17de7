"""The workers that train the parts of a sweep: this process, others of this machine, or a cluster."""

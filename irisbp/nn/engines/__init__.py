"""The engines: each runs many steps of training and reports every sample's loss."""

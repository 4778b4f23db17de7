"""The two numerics that a network can be computed in, native and portable: `choice` lists what differs."""

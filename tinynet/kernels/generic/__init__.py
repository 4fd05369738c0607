"""The readable kernels: complete, short, without tricks. They are the specification of every faster version."""

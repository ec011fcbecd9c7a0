"""Everything that awaits: one module per port of `hypercare.ports`."""

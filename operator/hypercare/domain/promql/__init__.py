"""PromQL as text and as a syntax tree: what an expression reads, and how it is kept in one namespace."""

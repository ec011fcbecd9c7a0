"""`kubectl hypercare`: what people ask from their own machine. One package for each subcommand, `app` joins them."""

"""`kubectl hypercare`: what people ask from their own machine. One module for each subcommand, `app` joins them."""

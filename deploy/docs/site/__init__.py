"""The pages of the docs host: guides in Markdown, the reference made from the contract, the search, the feed of changes."""

"""Tasks on texts and music of others: where the files come from, and what counting reaches on them."""

"""The pages are true: their code runs, their messages are the code's, and they make a site."""

"""The lock that keeps closing a month and posting an adjustment apart.

A close holds it while it reads figures and writes them down, the rebuild while it posts
and commits: so what a month is closed with is what one cycle has published, and nothing
is posted in a month that is closed meanwhile. The rebuild takes it last and a close
takes raw.cycles first, so neither waits for the other in a circle.
"""

BOOKS = 7_206  # advisory lock: shared by closes, alone for what posts

"""The leaderboard: tables, page, plots and crops."""

"""What the website's pages run: functions that take and return what JSON can say."""

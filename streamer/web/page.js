startFilters();
startConnect();
startDetail();
startFeedTurns();
startFeed();
startLogs();
startNow();

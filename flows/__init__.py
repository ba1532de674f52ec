"""What a run is: flows over the tasks, and the cluster they run on."""

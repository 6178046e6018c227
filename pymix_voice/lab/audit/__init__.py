"""An adversary in the box: what watchers of a zone record, and attacks on those recordings."""

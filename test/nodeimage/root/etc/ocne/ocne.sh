#!/bin/bash
echo "ocne.service started on a machine of Cluster API, which has to disable it" >&2
exit 1

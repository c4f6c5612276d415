#!/bin/sh
echo "[oops" 

#!/no/such/interp
echo '{}'

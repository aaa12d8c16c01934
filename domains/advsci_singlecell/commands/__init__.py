"""What the commands of ``advsci-singlecell`` do, one module each."""

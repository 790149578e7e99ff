"""The virtual machine: state tree, gas, message application, and the runtime that on-chain actors stand on."""

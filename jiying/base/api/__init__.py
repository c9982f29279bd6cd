"""What every feature's API is made of: types on the wire, reading and answering, who calls; and the API of people."""

"""From a contact to a coefficient of friction: shear, ploughing, adhesion, viscoelastic loss, stick-slip."""

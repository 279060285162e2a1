"""Where do gradients go? Norms against the lag, Jacobians, Lyapunov exponents, initializers and clipping."""

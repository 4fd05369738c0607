"""Random variables, as far as models draw from them: for stochastic depth and the like."""

from tinynet.distributions.bernoulli import Bernoulli

__all__ = ["Bernoulli"]

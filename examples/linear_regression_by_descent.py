"""Linear regression by gradient descent: derive, check, predict, arrive.

The textbook's first example, y = 2 x + noise, with its two classic faults put right: a gradient
that forgets a factor x, and a step found by trying. Run it: it takes about a second.
"""

import numpy as np

from derivata.comparison import compare_solvers
from derivata.convergence import convergence_of
from derivata.gradient_check import gradient_check
from derivata.solvers import Adam, GradientDescent, Momentum, Newton, RMSProp, minimize

# 1. The data: 100 points of [-10, 10], a slope of 2, an intercept of 0, noise of deviation 3.
rng = np.random.default_rng(0)
x = np.linspace(-10.0, 10.0, 100)
y = 2.0 * x + 3.0 * rng.standard_normal(100)

# 2. The loss and its gradient, by hand. The residual is r_i = w0 + w1 x_i - y_i, and
#
#        F(w) = 1/2 sum_i r_i^2,     dF/dw0 = sum_i r_i,     dF/dw1 = sum_i r_i x_i.
#
#    The chain rule gives the second entry its x_i: it is what r_i is differentiated to by w1.


def loss(w):
    return 0.5 * np.sum((w[0] + w[1] * x - y) ** 2)


def gradient(w):
    residual = w[0] + w[1] * x - y
    return np.array([residual.sum(), (residual * x).sum()])


def forgetful_gradient(w):
    """The classic fault: the same formula for both weights."""
    residual = w[0] + w[1] * x - y
    return np.array([residual.sum(), residual.sum()])


def hessian(w):
    """The second derivatives: no w in them, so F is a bowl of the same shape everywhere."""
    return np.array([[len(x), x.sum()], [x.sum(), x @ x]])


def main() -> None:
    # 3. A Taylor test finds the fault before a single step is taken.
    anywhere = np.array([3.0, -1.0])
    right = gradient_check(loss, gradient(anywhere), anywhere)
    wrong = gradient_check(loss, forgetful_gradient(anywhere), anywhere)
    print(f"the gradient is right to {right.relative_error:.0e}")
    print(
        f"without the factor x it says {wrong.stated:.0f} along {wrong.worst_direction}, where "
        f"differences say {wrong.numerical:.0f}"
    )

    # 4. The curvature says how long a step may be, and how many are needed. The eigenvalues of the
    #    Hessian are mu and L, kappa is L / mu, and the best step is 2 / (L + mu).
    mu, largest = np.linalg.eigvalsh(hessian(anywhere))
    kappa = largest / mu
    rate = (kappa - 1.0) / (kappa + 1.0)
    start, tol = np.zeros(2), 1e-8
    steps = np.log(tol) / np.log(rate)
    print(f"\nkappa = {largest:.0f} / {mu:.0f} = {kappa:.1f}, so a step below {2 / largest:.2e}")
    print(f"each step leaves {rate:.4f} of the distance: {steps:.0f} steps to {tol:.0e}")

    # 5. Run it, and see.
    solver = GradientDescent(2.0 / (largest + mu), tol=tol)
    fit = minimize(loss, start, gradient=gradient, hessian=hessian, solver=solver)
    w0, w1 = fit.expansion.params
    print(f"\ngradient descent: {fit.n_iter} steps to y = {w1:.4f} x + {w0:.4f}")
    print(f"least squares itself:        y = {np.polyfit(x, y, 1)[0]:.4f} x + {y.mean():.4f}")
    print(convergence_of(fit, start=start))

    # 6. The same bowl, by others. Momentum's rate is (sqrt kappa - 1) / (sqrt kappa + 1), with
    #    the two constants below. RMSProp and Adam move each weight by about their step whatever
    #    the slope is: they need no L, and have no such bound. Newton divides by the curvature
    #    itself, and a bowl is one step.
    root = (np.sqrt(kappa) - 1.0) / (np.sqrt(kappa) + 1.0)
    ball = Momentum(4.0 / (np.sqrt(largest) + np.sqrt(mu)) ** 2, root**2, tol=tol)
    solvers = [
        solver,
        ball,
        RMSProp(0.05, tol=tol, max_iter=1_000),
        Adam(0.05, tol=tol, max_iter=1_000),
        Newton(),
    ]
    print()
    print(compare_solvers(loss, solvers, start=start, gradient=gradient, hessian=hessian))

    # 7. With a penalty alpha / 2 w1^2 the bowl is steeper along w1, and the slope is drawn to 0.
    alpha = 500.0
    ridge = minimize(
        lambda w: loss(w) + 0.5 * alpha * w[1] ** 2,
        start,
        gradient=lambda w: gradient(w) + np.array([0.0, alpha * w[1]]),
        hessian=lambda w: hessian(w) + np.diag([0.0, alpha]),
        solver=GradientDescent(tol=tol),
    )
    slope = (x @ y) / (x @ x + alpha)
    print(f"\nwith an L2 penalty of {alpha:.0f}: slope {ridge.expansion.params[1]:.6f},", end=" ")
    print(f"by the formula x.y / (x.x + alpha) {slope:.6f}, in {ridge.n_iter} steps")


if __name__ == "__main__":
    main()

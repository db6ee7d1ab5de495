"""Losses of every kind that the deriver is held to, with the operands to differentiate by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A loss, what it is differentiated by, and the shapes of its operands."""

    name: str
    text: str
    wrt: tuple[str, ...]
    shapes: dict[str, str]


def case(name: str, text: str, wrt: str, **shapes: str) -> Case:
    return Case(name, text, tuple(wrt.split()), shapes)


LINEAR = dict(X="nd", y="n", w="d")
NET = dict(X="nd", y="n", W="dh", b="h", v="h")
DEEP = dict(X="nd", y="n", W="dh", V="hk", v="k")

CASES = [
    # Least squares and its penalties
    case("line", "mean((y - w0 - w1*x)**2)", "w0 w1", x="n", y="n", w0="", w1=""),
    case("least_squares", "sum((y - X@w)**2)", "w", **LINEAR),
    case("half_norm", "0.5*norm(X@w - y)**2", "w", **LINEAR),
    case("product_form", "(y - X@w)@(y - X@w)/n", "w", **LINEAR),
    case("quadratic_form", "w@A@w/2 - b@w", "w", A="dd", b="d", w="d"),
    case("ridge", "mean((y - X@w)**2) + lam*sum(w**2)", "w", lam="", **LINEAR),
    case("tikhonov", "sum((y - X@w)**2) + lam*sum((L@w)**2)", "w lam", L="md", lam="", **LINEAR),
    case("weighted", "sum(s*(y - X@w - b)**2)/sum(s)", "w b", s="n", b="", **LINEAR),
    case("generalised", "(y - X@w)@inv(S)@(y - X@w)", "w S", S="nn", **LINEAR),
    case("multi_output", "mean((Y - X@W)**2)", "W", X="nd", Y="nk", W="dk"),
    case("trace_form", "trace((Y - X@W).T@(Y - X@W))/n", "W", X="nd", Y="nk", W="dk"),
    case("elastic_smooth", "mean((y-X@w)**2) + lam*sum(sqrt(w**2 + 1e-2))", "w", lam="", **LINEAR),
    case("lasso", "mean((y - X@w)**2)/2 + lam*sum(abs(w))", "w", lam="", **LINEAR),
    case("norm_penalty", "sum((y - X@w)**2) + lam*norm(w)", "w", lam="", **LINEAR),
    case("relative", "mean(((y - X@w)/y)**2)", "w", **LINEAR),
    # Robust
    case("huber", "sum(huber(y - X@w))", "w", **LINEAR),
    case("huber_width", "mean(huber((y - X@w)/s, 0.7)) + log(s)", "w s", s="", **LINEAR),
    case("pseudo_huber", "sum(sqrt(1 + (y - X@w)**2) - 1)", "w", **LINEAR),
    case("absolute", "mean(abs(y - X@w))", "w", **LINEAR),
    case("quantile", "mean(maximum(q*(y - X@w), (q - 1)*(y - X@w)))", "w", q="", **LINEAR),
    case("smooth_quantile", "mean(q*(y-X@w) + t*softplus(-(y-X@w)/t))", "w", q="", t="", **LINEAR),
    case("student", "sum(log(1 + (y - X@w)**2/nu))*(nu + 1)/2", "w nu", nu="", **LINEAR),
    case("log_cosh", "mean(log(cosh(y - X@w)))", "w", **LINEAR),
    case("welsch", "sum(1 - exp(-(y - X@w)**2/2))", "w", **LINEAR),
    case("expectile", "mean(where(y > X@w, 0.8, 0.2)*(y - X@w)**2)", "w", **LINEAR),
    # Classification
    case(
        "logistic",
        "sum(log(1 + exp(X@w + b)) - y*(X@w + b)) + lam/2*w@w",
        "w b",
        b="",
        lam="",
        **LINEAR,
    ),
    case("margins", "mean(log(1 + exp(-y*(X@w))))", "w", **LINEAR),
    case(
        "cross_entropy", "-mean(y*log(sigmoid(X@w)) + (1 - y)*log(1 - sigmoid(X@w)))", "w", **LINEAR
    ),
    case(
        "by_hand_sigmoid",
        "-sum(y*log(1/(1 + exp(-X@w))) + (1-y)*log(1 - 1/(1 + exp(-X@w))))",
        "w",
        **LINEAR,
    ),
    case("squared_hinge", "mean(relu(1 - y*(X@w))**2)", "w", **LINEAR),
    case("hinge", "mean(max(0, 1 - y*(X@w)))", "w", **LINEAR),
    case("exponential", "mean(exp(-y*(X@w)))", "w", **LINEAR),
    case("focal", "-mean((1 - sigmoid(y*(X@w)))**2*log(sigmoid(y*(X@w))))", "w", **LINEAR),
    case("probit", "-mean(log(0.5*(1 + erf(y*(X@w)/sqrt(2)))))", "w", **LINEAR),
    case("brier", "mean((y - sigmoid(X@w))**2)", "w", **LINEAR),
    case(
        "softmax",
        "mean(logsumexp(X@W, axis=1) - sum(Y*(X@W), axis=1))",
        "W",
        X="nd",
        Y="nk",
        W="dk",
    ),
    case(
        "softmax_penalised",
        "-sum(Y*log(softmax(X@W + b))) + lam*sum(W**2)",
        "W b",
        X="nd",
        Y="nk",
        W="dk",
        b="k",
        lam="",
    ),
    case(
        "softmax_by_hand",
        "-mean(sum(Y*log(exp(X@W)/sum(exp(X@W), axis=1, keepdims=True)), axis=1))",
        "W",
        X="nd",
        Y="nk",
        W="dk",
    ),
    # Counts and amounts
    case("poisson", "sum(exp(X@w) - y*(X@w))", "w", **LINEAR),
    case(
        "poisson_offset",
        "mean(e*exp(X@w + b) - y*(X@w + b)) + lam*w@w",
        "w b",
        e="n",
        b="",
        lam="",
        **LINEAR,
    ),
    case("gamma", "sum(X@w + y*exp(-(X@w)))", "w", **LINEAR),
    case("inverse_gaussian", "mean(y*exp(-2*(X@w))/2 - exp(-(X@w)))", "w", **LINEAR),
    case(
        "tweedie",
        "mean(-y*exp((1 - p)*(X@w))/(1 - p) + exp((2 - p)*(X@w))/(2 - p))",
        "w p",
        p="",
        **LINEAR,
    ),
    case(
        "negative_binomial",
        "sum((y + r)*log(r + exp(X@w)) - y*(X@w) - r*log(r) + lgamma(r) - lgamma(y + r))",
        "w r",
        r="",
        **LINEAR,
    ),
    # Likelihoods
    case("normal", "n*log(s) + sum((y - m)**2)/(2*s**2)", "m s", y="n", m="", s=""),
    case(
        "heteroscedastic",
        "sum(Z@v + (y - X@w)**2*exp(-2*(Z@v))/2)",
        "w v",
        X="nd",
        Z="nk",
        y="n",
        w="d",
        v="k",
    ),
    case(
        "weibull",
        "sum(exp((log(t) - X@w)/s) - (log(t) - X@w)/s + log(s))",
        "w s",
        X="nd",
        t="n",
        w="d",
        s="",
    ),
    case(
        "normal_covariance",
        "0.5*n*logdet(S) + 0.5*trace((X - m)@inv(S)@(X - m).T)",
        "S m",
        X="nd",
        m="d",
        S="dd",
    ),
    case("precision_matrix", "trace(S@P) - logdet(P)", "P", S="dd", P="dd"),
    case("determinant", "det(A + s*eye(d)) + trace(A@A)", "A s", A="dd", s=""),
    case(
        "gaussian_process",
        "0.5*(y@inv(a*K + s*eye(n))@y + logdet(a*K + s*eye(n)) + n*log(2*pi))",
        "a s",
        K="nn",
        y="n",
        a="",
        s="",
    ),
    case(
        "gaussian_process_width",
        "0.5*(y@inv(exp(-D/l**2) + 2*n*eye(n))@y + logdet(exp(-D/l**2) + 2*n*eye(n)))",
        "l",
        D="nn",
        y="n",
        l="",
    ),
    case("cox", "sum(e*(log(R@exp(X@w)) - X@w))", "w", X="nd", R="nn", e="n", w="d"),
    case(
        "mixture",
        "-sum(log(q*exp(-(y - a)**2/2) + (1 - q)*exp(-(y - b)**2/2)))",
        "a b q",
        y="n",
        a="",
        b="",
        q="",
    ),
    case(
        "mixture_many",
        "-sum(logsumexp(logits - (y[:, None] - m)**2/2, axis=1)) + n*logsumexp(logits)",
        "m logits",
        y="n",
        m="k",
        logits="k",
    ),
    # Images, matrices
    case(
        "denoise",
        "0.5*sum((u - f)**2) + lam*sum(sqrt((D@u)**2 + 0.01))",
        "u",
        u="d",
        f="d",
        D="md",
        lam="",
    ),
    case(
        "denoise_plane",
        "0.5*sum((U-F)**2) + lam*sum(sqrt((D@U)[:, None]**2 + 0.01))",
        "U",
        U="dk",
        F="dk",
        D="md",
        lam="",
    ),
    case(
        "deblur",
        "sum((A@u - f)**2)/2 + lam*sum(huber(D@u, 0.1))",
        "u",
        A="kd",
        u="d",
        f="k",
        D="md",
        lam="",
    ),
    case(
        "factorisation",
        "sum((Y - U@V.T)**2) + lam*(sum(U**2) + sum(V**2))",
        "U V",
        Y="nm",
        U="nk",
        V="mk",
        lam="",
    ),
    case(
        "masked_factorisation",
        "sum(M*(Y - U@V.T - a[:, None] - b)**2)",
        "U V a b",
        Y="nm",
        M="nm",
        U="nk",
        V="mk",
        a="n",
        b="m",
    ),
    case("rayleigh", "(w@A@w)/(w@w)", "w", A="dd", w="d"),
    case("orthogonal", "sum((W.T@W - eye(k))**2)", "W", W="dk"),
    case("stress", "sum((sqrt((x[:, None] - x[None, :])**2 + 0.1) - D)**2)", "x", x="n", D="nn"),
    # Networks
    case("network", "mean((y - tanh(X@W + b)@v)**2) + lam*sum(W**2)", "W b v", lam="", **NET),
    case(
        "network_sigmoid",
        "mean(softplus(sigmoid(X@W)@v) - y*(sigmoid(X@W)@v))",
        "W v",
        X="nd",
        y="n",
        W="dh",
        v="h",
    ),
    case("network_relu", "mean((y - relu(X@W + b)@v)**2)", "W b v", **NET),
    case("network_deep", "mean((y - tanh(tanh(X@W)@V)@v)**2)", "W V v", **DEEP),
    case("autoencoder", "mean((X - tanh(X@W)@V)**2)", "W V", X="nd", W="dh", V="hd"),
    case("tied_autoencoder", "sum((X - sigmoid(X@W)@W.T)**2)", "W", X="nd", W="dh"),
    case(
        "attention",
        "mean((Y - softmax(Q@K.T/sqrt(h))@V)**2)",
        "Q K V",
        Q="nh",
        K="mh",
        V="mk",
        Y="nk",
    ),
    case(
        "contrastive",
        "mean(logsumexp(A@B.T/t, axis=1) - sum(A*B, axis=1)/t)",
        "A t",
        A="nd",
        B="nd",
        t="",
    ),
    case("gated", "mean((y - (sigmoid(X@a)*tanh(X@w)))**2)", "a w", X="nd", y="n", a="d", w="d"),
    case("largest", "max(X@w) + mean(max(X*w, axis=1))", "w", X="nd", w="d"),
    case("log_sum", "log(sum(exp(w))) - w@q", "w", w="d", q="d"),
    case("entropy", "sum(p*log(p)) + lam*(sum(p) - 1)", "p lam", p="d", lam=""),
    case("divergence", "sum(softmax(z)*(log(softmax(z)) - log(q)))", "z", z="d", q="d"),
    case("cosine", "-(u@v)/(norm(u)*norm(v))", "u", u="d", v="d"),
    case("power", "sum(x**a)", "x a", x="n", a=""),
    case("outer_product", "sum((M - outer(u, v))**2)", "u v", M="nd", u="n", v="d"),
    case("diagonal", "logdet(diag(s) + X.T@X) + sum(diag(X.T@X)/s)", "s X", X="nd", s="d"),
    case("smooth_rank", "logaddexp(u@w, v@w) + log1p(exp(-u@w))", "w", u="d", v="d", w="d"),
]

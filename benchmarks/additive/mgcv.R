# One fit of mgcv: Rscript mgcv.R FITTER FAMILY FOLDER
# FOLDER holds train.csv, test.csv (columns as in formula.txt; text columns are factors) and receives
# means.csv. Prints the CPU seconds of fitting and predicting, and the versions, as one line of JSON.

suppressPackageStartupMessages(library(mgcv))
options(warn = -1)
arguments <- commandArgs(trailingOnly = TRUE)
fitter <- arguments[1]
family <- get(arguments[2])()
folder <- arguments[3]

train <- read.csv(file.path(folder, "train.csv"), stringsAsFactors = FALSE)
test <- read.csv(file.path(folder, "test.csv"), stringsAsFactors = FALSE)
for (name in names(test)[sapply(test, is.character)]) {
  levels <- sort(unique(c(train[[name]], test[[name]])))
  train[[name]] <- factor(train[[name]], levels)
  test[[name]] <- factor(test[[name]], levels)
}
formula <- as.formula(paste(readLines(file.path(folder, "formula.txt")), collapse = " "))

fit <- function(formula, train, family) {
  # Unused levels are kept: a random effect predicts 0 for a level that the training rows lack.
  if (fitter == "gam") {
    gam(formula, family, train, method = "REML", select = TRUE, drop.unused.levels = FALSE)
  } else {
    bam(formula, family, train, method = "fREML", discrete = TRUE, select = TRUE, nthreads = 1,
        drop.unused.levels = FALSE)
  }
}
cpu <- function() sum(proc.time()[c(1, 2, 4, 5)])

set.seed(0)
warm <- data.frame(x = runif(300), f = factor(rep(1:3, 100)))
warm$y <- sin(6 * warm$x) + rnorm(300) / 4
invisible(fit(y ~ s(x) + s(f, bs = "re"), warm, gaussian()))

seconds <- c()
repeat {
  start <- cpu()
  model <- fit(formula, train, family)
  means <- as.numeric(predict(model, test, type = "response"))
  seconds <- c(seconds, cpu() - start)
  if (length(seconds) == 3 || seconds[1] > 2) break
}
write.csv(data.frame(mean = means), file.path(folder, "means.csv"), row.names = FALSE)
cat(sprintf('{"seconds": %f, "repeats": %d, "versions": {"R": "%s", "mgcv": "%s", "LAPACK of R": "%s"}}\n',
            median(seconds), length(seconds), as.character(getRversion()),
            as.character(packageVersion("mgcv")), basename(La_library())))

# Makes the numbers in this folder's cases/ and draws.txt: Rscript reference.R, with R 3.6 or later.
# (The two folders beside cases/ were printed by R in the same way, over 50 epochs.)

show <- function(x) formatC(x, digits = 17, format = "g")
put <- function(name, x) writeLines(if (is.double(x)) show(x) else as.character(x), name)

sigmoid <- function(a) 1 / (1 + exp(-a))

# Layers are matrices with a node in each row: its incoming weights, then its bias.
draw_layer <- function(fan_in, fan_out, case) {
  layer <- matrix(0, fan_out, fan_in + 1)
  limit <- case$scale * sqrt(6 / (fan_in + fan_out))
  for (node in 1:fan_out) for (k in 1:(fan_in + (case$bias == "drawn")))
    layer[node, k] <- if (case$initializer == "normal") rnorm(1, 0, case$scale) else runif(1, -limit, limit)
  layer
}

run_case <- function(case) {
  set.seed(case$seed)
  values <- as.matrix(iris[, 1:4])
  rows <- nrow(values)
  order <- if (case$shuffle == "never") 1:rows else sample(rows)
  classes <- unique(as.character(iris$Species[order]))
  label <- match(as.character(iris$Species), classes)
  values <- sweep(sweep(values, 2, colMeans(values)), 2, apply(values, 2, sd), "/")
  widths <- c(4, case$hidden, 3)
  count <- length(widths) - 1
  layers <- lapply(1:count, function(l) draw_layer(widths[l], widths[l + 1], case))
  initial <- unlist(lapply(layers, t))
  m <- v <- lapply(layers, function(w) 0 * w)
  losses <- c(); orders <- order; t <- 0
  for (epoch in 1:case$epochs) {
    if (epoch > 1 && case$shuffle == "every_epoch") { order <- sample(rows); orders <- c(orders, order) }
    for (row in order) {
      inputs <- list(values[row, ])
      for (l in 1:count) {
        a <- as.vector(layers[[l]] %*% c(inputs[[l]], 1))
        if (l < count) inputs[[l + 1]] <- sigmoid(a)
      }
      p <- exp(a - max(a)) / sum(exp(a - max(a)))
      losses <- c(losses, -log(p[label[row]]))
      delta <- p - (1:3 == label[row])
      gradients <- list()
      for (l in count:1) {
        gradients[[l]] <- outer(delta, c(inputs[[l]], 1))
        if (l > 1) {
          back <- as.vector(delta %*% layers[[l]][, 1:widths[l], drop = FALSE])
          delta <- back * inputs[[l]] * (1 - inputs[[l]])
        }
      }
      t <- t + 1
      for (l in 1:count) {
        g <- gradients[[l]]
        if (case$optimizer == "adam") {
          m[[l]] <- 0.9 * m[[l]] + 0.1 * g
          v[[l]] <- 0.999 * v[[l]] + 0.001 * g^2
          g <- (m[[l]] / (1 - 0.9^t)) / (sqrt(v[[l]] / (1 - 0.999^t)) + 1e-8)
        }
        layers[[l]] <- layers[[l]] - case$rate * g
      }
    }
  }
  dir.create("cases", showWarnings = FALSE)
  file <- function(what) file.path("cases", paste0(case$name, "-", what, ".txt"))
  put(file("orders"), as.integer(orders))
  put(file("classes"), classes)
  put(file("initial_parameters"), initial)
  put(file("losses"), losses)
  put(file("final_parameters"), unlist(lapply(layers, t)))
}

case <- function(name, seed, ..., hidden = 3, initializer = "normal", scale = 1, bias = "drawn",
                 optimizer = "sgd", rate = 0.1, shuffle = "once", epochs = 3)
  list(name = name, seed = seed, hidden = hidden, initializer = initializer, scale = scale, bias = bias,
       optimizer = optimizer, rate = rate, shuffle = shuffle, epochs = epochs)

for (one in list(
  case("largest-seed", 2147483647),
  case("wide", 42, hidden = 7, scale = 0.5, rate = 0.05),
  case("deep", 2024, hidden = c(5, 4, 3), initializer = "glorot", optimizer = "adam", rate = 0.01),
  case("no-hidden", 7, hidden = c(), initializer = "glorot", scale = 2, bias = "zeros"),
  case("every-epoch", 99, hidden = c(4, 2), shuffle = "every_epoch", optimizer = "adam", rate = 0.003),
  case("never", 5, shuffle = "never", bias = "zeros")
)) run_case(one)

# For each seed: sample(n), five of rnorm, five of runif, and the extremes of 20,000 of rnorm.
seeds <- c(0, 1, 2, 42, 123, 65535, 65536, 1000003, 2147483646, 2147483647)
sizes <- c(1, 2, 3, 17, 64, 65, 150, 1000, 65536, 70000)
lines <- mapply(function(seed, n) {
  set.seed(seed)
  order <- sample(n)
  drawn <- c(sum(order * as.numeric(1:n)), rnorm(5, 0.25, 1.5), runif(5, -2, 3), range(rnorm(20000)))
  paste(c(format(seed, scientific = FALSE), n, order[c(1, n)], show(drawn)), collapse = " ")
}, seeds, sizes)
writeLines(lines, "draws.txt")

# And initializers/: the parameters of a 4-5-2-6-3 network, without a shuffle before them.
dir.create("initializers", showWarnings = FALSE)
initialize <- function(name, seed, draw, bias = "drawn") {
  set.seed(seed)
  widths <- c(4, 5, 2, 6, 3)
  parameters <- c()
  for (l in 1:4) for (node in 1:widths[l + 1]) {
    parameters <- c(parameters, draw(widths[l] + (bias == "drawn"), widths[l], widths[l + 1]))
    if (bias == "zeros") parameters <- c(parameters, 0)
  }
  put(file.path("initializers", paste0(name, ".txt")), parameters)
}
initialize("normal", 1, function(n, fan_in, fan_out) rnorm(n, 0, 0.3))
initialize("uniform", 2, function(n, fan_in, fan_out) runif(n, -0.7, 0.7))
initialize("glorot_uniform", 3, function(n, fan_in, fan_out) {
  limit <- sqrt(6 / (fan_in + fan_out)); runif(n, -limit, limit)
})
initialize("glorot_normal", 4, function(n, fan_in, fan_out) rnorm(n, 0, sqrt(2 / (fan_in + fan_out))))
initialize("he_uniform", 5, function(n, fan_in, fan_out) {
  limit <- sqrt(6 / fan_in); runif(n, -limit, limit)
})
initialize("he_normal", 6, function(n, fan_in, fan_out) rnorm(n, 0, sqrt(2 / fan_in)))
initialize("lecun_normal", 7, function(n, fan_in, fan_out) rnorm(n, 0, sqrt(1 / fan_in)))
initialize("glorot_normal-gain", 8, function(n, fan_in, fan_out) rnorm(n, 0, 1.5 * sqrt(2 / (fan_in + fan_out))))
initialize("he_uniform-zeros", 9, bias = "zeros", function(n, fan_in, fan_out) {
  limit <- 0.5 * sqrt(6 / fan_in); runif(n, -limit, limit)
})

/* The article's training as a plain C program: 4 inputs, 3 sigmoid nodes, 3 softmax nodes, one sample
   at a time. Widths are constants, as anybody would write it for this network. */
#include <math.h>

enum { INPUTS = 4, HIDDEN = 3, CLASSES = 3 };

void train(int epochs, int samples, double rate, const double *inputs, const long *labels,
           double *restrict w1 /* 5 x 3, biases last */, double *restrict w2 /* 4 x 3 */,
           double *restrict losses)
{
    for (int epoch = 0; epoch < epochs; epoch++) {
        for (int n = 0; n < samples; n++) {
            const double *x = inputs + n * INPUTS;
            double h[HIDDEN], z[CLASSES], p[CLASSES], d[HIDDEN];
            for (int j = 0; j < HIDDEN; j++) {
                double a = w1[INPUTS * HIDDEN + j];
                for (int i = 0; i < INPUTS; i++)
                    a += x[i] * w1[i * HIDDEN + j];
                h[j] = 1.0 / (1.0 + exp(-a));
            }
            double most = -INFINITY, total = 0.0;
            for (int k = 0; k < CLASSES; k++) {
                z[k] = w2[HIDDEN * CLASSES + k];
                for (int j = 0; j < HIDDEN; j++)
                    z[k] += h[j] * w2[j * CLASSES + k];
                if (z[k] > most)
                    most = z[k];
            }
            for (int k = 0; k < CLASSES; k++)
                total += p[k] = exp(z[k] - most);
            losses[n] = log(total) + most - z[labels[n]];
            for (int k = 0; k < CLASSES; k++)
                p[k] = p[k] / total - (k == labels[n]);
            for (int j = 0; j < HIDDEN; j++) {
                double sum = 0.0;
                for (int k = 0; k < CLASSES; k++)
                    sum += p[k] * w2[j * CLASSES + k];
                d[j] = sum * h[j] * (1.0 - h[j]);
            }
            for (int k = 0; k < CLASSES; k++) {
                for (int j = 0; j < HIDDEN; j++)
                    w2[j * CLASSES + k] -= rate * h[j] * p[k];
                w2[HIDDEN * CLASSES + k] -= rate * p[k];
            }
            for (int j = 0; j < HIDDEN; j++) {
                for (int i = 0; i < INPUTS; i++)
                    w1[i * HIDDEN + j] -= rate * x[i] * d[j];
                w1[INPUTS * HIDDEN + j] -= rate * d[j];
            }
        }
    }
}

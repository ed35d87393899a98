"""The contender onnxruntime, for our exported net; int8 by its static quantization, QDQ."""

import logging

import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from serve import KIND, precision_tasks, serve


class Seen(CalibrationDataReader):
    def __init__(self, X):
        self.batches = iter([{"data": x[None]} for x in X])

    def get_next(self):
        return next(self.batches, None)


def forward(folder, seen):
    path = folder / "net.onnx"
    if KIND == "int8":
        logging.disable(logging.WARNING)
        ready, path = folder / "ready.onnx", folder / "int8.onnx"
        quant_pre_process(folder / "net.onnx", ready)
        quantize_static(
            ready,
            path,
            Seen(seen),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda X: session.run(None, {"data": X})[0]


if __name__ == "__main__":
    serve(precision_tasks(forward))

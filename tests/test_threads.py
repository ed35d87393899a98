"""Predictions from many threads at a time, as a web server makes them."""

import http.client
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path

import hotdog_ft

# isort: split
import numpy as np
from conftest import ROOT, make_source_net, run_python, some_batches
from mxnet import nd
from picture_zoo import picture, saved

from hotdog_ft.evaluation import evaluate
from hotdog_ft.inference import outputs
from hotdog_ft.prediction import occlusion_map
from hotdog_ft.probe import extract_features
from hotdog_ft.settings import Settings

FEATURES = np.zeros((1, 10), "float32")
PICTURES = np.random.default_rng(0).integers(0, 256, (16, 40, 40, 3), dtype="uint8")


def held():
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def in_threads(count, jobs):
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def test_report_45_a_threaded_server_answers_a_thousand_requests_right():
    net = hotdog_ft.finetune_net(make_source_net(), 4)
    net.size, net.classes = 32, list("abcd")
    rng = np.random.default_rng(0)
    bodies = [saved(picture(colour=tuple(rng.integers(0, 256, 3))), "PNG") for _ in range(20)]
    bodies += [saved(picture(colour=tuple(rng.integers(0, 256, 3))).rotate(45), "PNG")] * 5
    alone = [hotdog_ft.predict(net, body) for body in bodies]
    expected = [(row.label[0], row.probability[0]) for row in alone]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                row = hotdog_ft.predict(net, body).iloc[0]
                status, answer = 200, f"{row.label} {row.probability}".encode()
            except Exception as error:
                status, answer = 500, repr(error).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def client(first):
            answers = []
            for number in range(first, first + 125):
                connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
                connection.request("POST", "/", bodies[number % len(bodies)])
                response = connection.getresponse()
                answers.append((number % len(bodies), response.status, response.read().decode()))
                connection.close()
            return answers

        starts = range(0, 1000, 125)
        found = list(chain(*in_threads(8, [lambda s=start: client(s) for start in starts])))
        server.shutdown()
    assert len(found) == 1000
    for number, status, answer in found:
        assert status == 200, answer
        label, probability = answer.split()
        assert (label, float(probability)) == expected[number]


def test_report_45_every_kind_of_prediction_is_safe_beside_every_other():
    nets = [hotdog_ft.finetune_net(make_source_net(version), 2) for version in (1, 2)]
    batches = some_batches([8, 3])
    pictures = list(np.random.default_rng(0).integers(0, 256, (35, 40, 40, 3), dtype="uint8"))

    def jobs():
        for net in nets:
            yield lambda net=net: hotdog_ft.predict(net, pictures, size=32).probability.to_numpy()
            yield lambda net=net: evaluate(net, batches)
            yield lambda net=net: extract_features(net, batches)[0]
            yield lambda net=net: occlusion_map(net, batches[0][0][0], 0, 2)

    expected = [job() for job in jobs()]
    for found in in_threads(8, [lambda: [job() for job in jobs()]] * 8):
        for ours, theirs in zip(found, expected):
            np.testing.assert_array_equal(ours, theirs)


def test_report_45_threads_may_be_the_first_to_use_a_net():
    ((X, _),) = some_batches([4])
    for version in (1, 2) * 5:
        net = make_source_net(version)
        expected = net(nd.array(X)).asnumpy()
        net.hybridize(static_alloc=True)  # forgets the graph: one of them has to build it
        start = threading.Barrier(8)

        def first(net=net, start=start):
            start.wait()
            return outputs(net, X)

        for found in in_threads(8, [first] * 8):
            np.testing.assert_array_equal(found, expected)


def test_report_45_a_thread_for_each_request_does_not_fill_the_memory():
    """As `ThreadingHTTPServer` and Flask have it; MXNet alone keeps 5 MB for each of them."""
    net, pixels = hotdog_ft.finetune_net(make_source_net(), 2), np.zeros((64, 64, 3), "uint8")

    def requests(count):
        for _ in range(count):
            thread = threading.Thread(target=hotdog_ft.predict, args=(net, pixels, None, 224))
            thread.start()
            thread.join()
        return held()

    before = requests(10)
    assert requests(100) - before < 10e6


def test_report_45_a_net_for_each_request_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "net.safetensors"
    hotdog_ft.save_net(make_source_net(), path, list("abcde"), 32)

    def requests(count):
        for _ in range(count):
            thread = threading.Thread(target=hotdog_ft.load_net, args=(path,))
            thread.start()
            thread.join()
        return held()

    before = requests(20)
    assert requests(60) - before < 100e6


def test_report_45_a_child_of_a_server_that_has_predicted_in_threads_predicts():
    """As gunicorn forks its workers; the child has none of its parent's threads."""
    net, pixels = hotdog_ft.finetune_net(make_source_net(), 2), np.zeros((64, 64, 3), "uint8")

    def answer():
        return in_threads(1, [lambda: hotdog_ft.predict(net, pixels, None, 32)])[0].label[0]

    expected = answer()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends it should it wait for ever
        os._exit(0 if answer() == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_hook_may_compute_in_any_thread():
    net, ((X, _),) = hotdog_ft.finetune_net(make_source_net(), 2), some_batches([2])
    seen = []
    net.hybridize(False)
    net.features.register_forward_hook(lambda *_: seen.append(outputs(net.output, FEATURES)))
    in_threads(2, [lambda: outputs(net, X)] * 2)
    assert len(seen) == 2


def test_a_thread_that_outlives_the_main_thread_predicts():
    """A small server's: Python stops the helpers of all pools when the main thread has ended."""
    code = """
import threading, time
import hotdog_ft, numpy as np
from conftest import make_source_net
net = hotdog_ft.finetune_net(make_source_net(), 2)
pictures = [np.zeros((40, 40, 3), "uint8")] * 40
expected = hotdog_ft.predict(net, pictures, size=32)
def serve():
    threading.main_thread().join()
    time.sleep(0.1)
    for _ in range(3):
        assert hotdog_ft.predict(net, pictures, size=32).equals(expected)
        assert len(hotdog_ft.predict(net, pictures[0], size=32)) == 1
    print("served")
threading.Thread(target=serve).start()
"""
    done = run_python(code, PYTHONPATH=f"{ROOT}:{Path(__file__).parent}")
    assert done.stdout == "served\n", done.stderr


def test_trainings_in_threads_take_turns_and_give_what_each_gives_alone():
    images = [(picture, i % 2) for i, picture in enumerate(PICTURES)]
    settings = Settings(size=32, batch_size=4, num_epochs=2, probe_steps=5)

    def loss():
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(source_net, 2)
        return net, lambda: hotdog_ft.train(net, images, None, settings).loss

    source_net = make_source_net()
    expected = loss()[1]()
    runs = [loss() for _ in range(3)]
    assert in_threads(3, [run for _, run in runs]) == [expected] * 3

"""ONNX Runtime through its C interface: its package for Python is not in Debian.

Declares what it needs of the table of functions, whose order is part of the ABI (as ort.cc does).
"""
import ctypes

import numpy

(GET_ERROR_MESSAGE, CREATE_ENV, CREATE_SESSION, RUN, CREATE_SESSION_OPTIONS, SET_OPTIMIZATION, SET_THREADS,
 CREATE_TENSOR, CREATE_MEMORY_INFO, RELEASE_SESSION, RELEASE_VALUE) = 2, 3, 7, 9, 10, 23, 24, 49, 69, 95, 96


class ApiBase(ctypes.Structure):
    _fields_ = [("get_api", ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint32)),
                ("get_version", ctypes.CFUNCTYPE(ctypes.c_char_p))]


class Runtime:
    def __init__(self, library):
        get_base = ctypes.CDLL(library).OrtGetApiBase
        get_base.restype = ctypes.POINTER(ApiBase)
        base = get_base().contents
        self.version = base.get_version().decode()
        self.api = base.get_api(1)
        self.functions = {}
        self.env = self.make(CREATE_ENV, ctypes.c_int(3), b"bench")
        self.memory = self.make(CREATE_MEMORY_INFO, ctypes.c_int(0), ctypes.c_int(0))

    def function(self, number, result=ctypes.c_void_p):
        if number not in self.functions:
            self.functions[number] = ctypes.cast(self.api[number], ctypes.CFUNCTYPE(result))
            self.functions[number].argtypes = None
        return self.functions[number]

    def call(self, number, *args):
        status = self.function(number)(*args)
        if status:
            raise RuntimeError(self.function(GET_ERROR_MESSAGE, ctypes.c_char_p)(ctypes.c_void_p(status)).decode())

    def make(self, number, *args):
        made = ctypes.c_void_p()
        self.call(number, *args, ctypes.byref(made))
        return made

    def tensor(self, array):
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        dtype = {"float32": 1, "int64": 7}[array.dtype.name]
        return self.make(CREATE_TENSOR, self.memory, array.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(array.nbytes),
                         dims, ctypes.c_size_t(array.ndim), ctypes.c_int(dtype))


class Session:
    """A model with one input and one output, of float32, on one thread."""

    def __init__(self, runtime, path, input_name, output_name, output_size):
        self.runtime = runtime
        self.output_size = output_size
        options = runtime.make(CREATE_SESSION_OPTIONS)
        runtime.call(SET_OPTIMIZATION, options, ctypes.c_int(99))
        runtime.call(SET_THREADS, options, ctypes.c_int(1))
        self.session = runtime.make(CREATE_SESSION, runtime.env, path.encode(), options)
        self.inputs = (ctypes.c_char_p * 1)(input_name.encode())
        self.outputs = (ctypes.c_char_p * 1)(output_name.encode())

    def run(self, x):
        """x: float32 or int64, C order, [items, ...]."""
        y = numpy.empty((x.shape[0], self.output_size), numpy.float32)
        given, result = self.runtime.tensor(x), self.runtime.tensor(y)
        try:
            self.runtime.call(RUN, self.session, None, self.inputs, (ctypes.c_void_p * 1)(given), ctypes.c_size_t(1),
                              self.outputs, ctypes.c_size_t(1), (ctypes.c_void_p * 1)(result))
        finally:
            self.runtime.function(RELEASE_VALUE, None)(given)
            self.runtime.function(RELEASE_VALUE, None)(result)
        return y

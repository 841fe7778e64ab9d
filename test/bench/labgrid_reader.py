"""The same as console-reader.ts with labgrid's SerialDriver (Debian's python3-labgrid)."""
import logging
import resource
import sys

from labgrid import Target
from labgrid.driver import SerialDriver
from labgrid.resource import RawSerialPort

logging.disable(logging.CRITICAL)
path, marker = sys.argv[1:3]
target = Target("bench")
RawSerialPort(target, name=None, port=path, speed=115200)
driver = SerialDriver(target, name=None)
before = resource.getrusage(resource.RUSAGE_SELF)
target.activate(driver)
driver.expect(marker, timeout=300)
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

import os, threading, urllib.request

pages, errors = [], []


def fetch():
    try:
        pages.append(urllib.request.urlopen("http://" + os.environ["HOST"] + "/page").read().decode())
    except OSError as error:
        errors.append(error)


threads = [threading.Thread(target=fetch) for i in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if errors:
    raise errors[0]
assert len(set(pages)) == 1, pages
print(pages[0], end="")
